/** The part of jstat that is used; the package has no types. */
declare module "jstat" {
  const jstat: {
    readonly studentt: {
      /** The quantile of Student's t distribution at a cumulative probability. */
      inv(probability: number, degreesOfFreedom: number): number;
    };
  };
  export default jstat;
}
