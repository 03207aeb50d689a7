/** How requests get to a server, and their answers back. */
export interface Driver {
  /** Sends request `index` over a free slot. @param done gets the status, 0 when the connection broke. */
  send(slot: number, index: number, done: (status: number) => void): void;
  close(): Promise<void>;
}
