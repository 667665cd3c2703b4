// Waiting for something that may take too long. Owns nothing.

/** Was `promise` resolved within `ms`? Infinity: for ever. Longer than 24 days counts as 24 days. @throws what it rejects with in that time */
export async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  if (ms === Number.POSITIVE_INFINITY) {
    await promise;
    return true;
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.min(ms, 2 ** 31 - 1));
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
