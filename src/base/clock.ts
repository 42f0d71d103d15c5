/** Time as netdock sees it. Tests bring their own; `app/` hands out the real one. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}
