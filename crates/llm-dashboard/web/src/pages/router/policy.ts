// Retry policies: how often an attempt is made again, by what went wrong.

export const CLASSES: [string, string][] = [
  ["TimeoutErrorRetries", "after a timeout"],
  ["RateLimitErrorRetries", "after too many requests"],
  ["InternalServerErrorRetries", "after the vendor failed"],
  ["ServiceUnavailableErrorRetries", "after the vendor was overloaded"],
  ["AuthenticationErrorRetries", "after a refused credential"],
  ["NotFoundErrorRetries", "after an unknown model"],
  ["BadRequestErrorRetries", "after a bad request"],
  ["ContentPolicyViolationErrorRetries", "after a content policy"],
  ["DefaultRetries", "after all else"],
];

/** What a class of a retry policy is about, in words. */
export function retryName(key: string): string {
  return CLASSES.find(([name]) => name === key)?.[1] ?? key;
}
