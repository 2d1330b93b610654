import { click } from './click.ts'

export const id = 'deny'

export const deny = click('deny')
