import { click } from './click.ts'

export const id = 'cancel'

export const cancel = click('cancel')
