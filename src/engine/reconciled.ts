import type { Store, Survey } from '../ports.ts'

/** When the subscriptions were last listed, and when each was last reconciled, kept for every replica to read. */
export const surveyedFeed = 'surveyed'
const reconciledFeeds = 'reconciled:'
export const reconciledFeed = (subscriptionId: string) => `${reconciledFeeds}${subscriptionId}`

/** Whether every subscription has been compared with the grants since `since`. */
export async function reconciledSince(store: Store, survey: Survey, since: number): Promise<boolean> {
  if ((await store.feed(surveyedFeed)).seq < since) return false
  for (const id of await survey.subscriptions()) {
    if ((await store.feed(reconciledFeed(id))).seq < since) return false
  }
  return true
}

/** When each subscription was last compared with the grants as a whole, epoch milliseconds. */
export const lastReconciled = (store: Store): Promise<ReadonlyMap<string, number>> =>
  store.feedsOf(reconciledFeeds)
