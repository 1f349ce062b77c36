/**
 * Calls node:crypto without stack traces. Node 24 learns what kind of key it was given by throwing and catching, up to four times
 * a call, and collecting the traces takes longer (8 us each) than loading the key or encrypting with it.
 */
export function withoutTraces<T>(call: () => T): T {
  const { stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = 0;
  } catch {
    // Frozen by the host program (--frozen-intrinsics): then it takes as long as it takes.
    return call();
  }
  try {
    return call();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
