/** Tells a monitor that somebody looked, so that the monitor notices when nobody does. */
export interface Heartbeat {
  /** Throws a `RolloutError` when it did not get through; its words hold nothing of the address. */
  beat(): Promise<void>;
}
