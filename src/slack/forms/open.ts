import type { ModalView } from '@slack/types'
import type { WebClient } from '@slack/web-api'
import type { Hands } from '../listener.ts'

interface Opening {
  readonly client: WebClient
  readonly trigger: string
  /** Where the person is told when it does not open. */
  readonly responseUrl: string | null
}

/** Opens a form. A person who sees none must not wait for one: a trigger lives three seconds. */
export async function openForm(
  hands: Hands,
  { client, trigger, responseUrl }: Opening,
  view: ModalView,
): Promise<void> {
  try {
    await client.views.open({ trigger_id: trigger, view })
  } catch (error) {
    hands.log.warn({ err: error, form: view.callback_id }, 'A form could not be opened')
    if (responseUrl)
      await hands.answer(
        responseUrl,
        'The form could not be opened, so nothing has happened. Please try again.',
      )
  }
}
