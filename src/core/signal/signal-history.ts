/** At most this many readings of a signal are kept, however long a window is and however often it is read. */
export const mostReadings = 10_000;

/** The readings of one signal as far back as conditions look, oldest first. Memory is bounded. */
export interface SignalHistory {
  /** One that is not newer than the last is left out; at the same time it replaces it. */
  add(at: number, value: number): void;
  /** Index of the first reading after `at`. */
  after(at: number): number;
  readonly length: number;
  /** Of the readings from an index on. */
  summary(from: number): Summary;
  time(index: number): number;
  value(index: number): number;
  readings(): (readonly [number, number])[];
}

export interface Summary {
  readonly sum: number;
  readonly least: number;
  readonly most: number;
}

/** Keeps readings for `window` before the newest, and one more: what an increase is counted from. */
export function signalHistory(window: number): SignalHistory {
  let times = new Float64Array(8);
  let values = new Float64Array(8);
  let first = 0;
  let length = 0;
  const capacity = (): number => times.length;
  const slot = (index: number): number => (first + index) % capacity();
  const time = (index: number): number => times[slot(index)] ?? Number.NaN;

  const grow = (): void => {
    const size = Math.min(capacity() * 2, mostReadings);
    const [moreTimes, moreValues] = [new Float64Array(size), new Float64Array(size)];
    for (let index = 0; index < length; index++) {
      moreTimes[index] = times[slot(index)] ?? Number.NaN;
      moreValues[index] = values[slot(index)] ?? Number.NaN;
    }
    [times, values, first] = [moreTimes, moreValues, 0];
  };
  const dropFirst = (): void => {
    first = (first + 1) % capacity();
    length -= 1;
  };

  return {
    add(at, value) {
      const last = length === 0 ? Number.NEGATIVE_INFINITY : time(length - 1);
      if (at < last) return;
      if (at === last) {
        values[slot(length - 1)] = value;
        return;
      }
      while (length > 1 && time(1) <= at - window) dropFirst();
      if (length === capacity()) {
        if (capacity() < mostReadings) grow();
        else dropFirst();
      }
      const index = slot(length);
      times[index] = at;
      values[index] = value;
      length += 1;
    },
    after(at) {
      let low = 0;
      let high = length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (time(middle) <= at) low = middle + 1;
        else high = middle;
      }
      return low;
    },
    summary(from) {
      const all = capacity();
      let sum = 0;
      let least = Number.POSITIVE_INFINITY;
      let most = Number.NEGATIVE_INFINITY;
      let at = slot(from);
      for (let left = length - from; left > 0; left--) {
        const value = values[at] ?? Number.NaN;
        sum += value;
        if (value < least) least = value;
        if (value > most) most = value;
        at = at + 1 === all ? 0 : at + 1;
      }
      return { sum, least, most };
    },
    get length() {
      return length;
    },
    time,
    value: (index) => values[slot(index)] ?? Number.NaN,
    readings: () =>
      Array.from({ length }, (_, index) => [time(index), values[slot(index)] ?? Number.NaN] as const),
  };
}
