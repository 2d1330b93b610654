import { click } from './click.ts'

export const id = 'close'

export const close = click('close')
