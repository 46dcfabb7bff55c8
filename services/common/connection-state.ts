/** Of the connection to what the services share. */
export type ConnectionState = "connected" | "reconnecting" | "closed";
