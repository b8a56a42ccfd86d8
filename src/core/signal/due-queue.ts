/** Times at which somebody is due, earliest first: a heap with at most one entry for each. */
export interface DueQueue {
  /** An earlier time replaces a later one; a later one is asked for again when the earlier has come. */
  add(who: number, at: number): void;
  /** The earliest, Infinity where there is none. */
  next(): number;
  /** All that are due at the time. */
  take(at: number): number[];
}

export function dueQueue(size: number): DueQueue {
  const heap: number[] = [];
  const times = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
  const places = new Int32Array(size).fill(-1);
  const timeAt = (place: number): number => times[heap[place] ?? -1] ?? Number.POSITIVE_INFINITY;
  const put = (place: number, who: number): void => {
    heap[place] = who;
    places[who] = place;
  };
  const up = (start: number): void => {
    const who = heap[start] ?? 0;
    let place = start;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (timeAt(above) <= (times[who] ?? 0)) break;
      put(place, heap[above] ?? 0);
      place = above;
    }
    put(place, who);
  };
  const down = (start: number): void => {
    const who = heap[start] ?? 0;
    let place = start;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && timeAt(below + 1) < timeAt(below)) below += 1;
      if (timeAt(below) >= (times[who] ?? 0)) break;
      put(place, heap[below] ?? 0);
      place = below;
    }
    put(place, who);
  };
  return {
    add(who, at) {
      if (at >= (times[who] ?? Number.NEGATIVE_INFINITY)) return;
      times[who] = at;
      if ((places[who] ?? -1) < 0) {
        heap.push(who);
        places[who] = heap.length - 1;
      }
      up(places[who] ?? 0);
    },
    next: () => timeAt(0),
    take(at) {
      const due: number[] = [];
      while (timeAt(0) <= at) {
        const who = heap[0] ?? 0;
        due.push(who);
        times[who] = Number.POSITIVE_INFINITY;
        places[who] = -1;
        const last = heap.pop();
        if (last === undefined || heap.length === 0) continue;
        put(0, last);
        down(0);
      }
      return due;
    },
  };
}
