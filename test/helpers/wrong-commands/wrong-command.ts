/** An invalid command line, and the error that it prints. */
export interface WrongCommand {
  readonly what: string;
  /** In addition to the common files, or replacing them. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** The arguments of `uncouple`; NATS stands for the address of the stack's server. */
  readonly run: string;
  /** Variables of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly exit: number;
  /** The complete error; HERE stands for the folder of the case, STACK for that of the stack file, NATS for the address of its server. */
  readonly says: string;
}
