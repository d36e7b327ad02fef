/**
 * How many turns the loop makes until a promise settles: what comes at once takes a few, what waits for a timer thousands, however busy the machine is. Stops
 * counting at `most`.
 */
export async function turnsUntil(promise: Promise<unknown>, most: number): Promise<number> {
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  promise.then(settle, settle);
  let turns = 0;
  while (!isSettled && turns < most) {
    await new Promise((resolve) => setImmediate(resolve));
    turns++;
  }
  return turns;
}
