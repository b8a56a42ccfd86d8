import type { Clock } from "../core/ports.js";

/** Sleeps until somebody wakes it or, at the latest, a time comes. Waking it while it is awake does nothing. */
export class Alarm {
  private readonly clock: Clock;
  private readonly atMost: number;
  private timer: { readonly at: number; readonly controller: AbortController } | undefined;
  private awaken: () => void = () => {};

  /** It sleeps no longer than `atMost` milliseconds at a stretch. */
  constructor(clock: Clock, atMost: number) {
    this.clock = clock;
    this.atMost = atMost;
  }

  readonly wake = (): void => this.awaken();

  /** `until` in milliseconds since the epoch. The timer outlives the sleep: most end early, and it costs. */
  async sleep(until: number | undefined): Promise<void> {
    const now = this.clock.now();
    const ms = Math.max(1, Math.min(this.atMost, (until ?? Number.POSITIVE_INFINITY) - now));
    const woken = new Promise<void>((resolve) => {
      this.awaken = resolve;
    });
    if (this.timer === undefined || now + ms < this.timer.at) this.set(now + ms, ms);
    await woken;
  }

  stop(): void {
    this.timer?.controller.abort();
  }

  private set(at: number, ms: number): void {
    this.timer?.controller.abort();
    const timer = { at, controller: new AbortController() };
    this.timer = timer;
    const rung = (): void => {
      if (this.timer === timer) this.timer = undefined;
      this.awaken();
    };
    this.clock.sleep(ms, timer.controller.signal).then(rung, () => {});
  }
}
