/** State of the connection to the shared registry. */
export type ConnectionState = "connected" | "reconnecting" | "closed";
