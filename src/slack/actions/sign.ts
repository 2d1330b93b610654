import { click } from './click.ts'

export const id = 'sign'

export const sign = click('sign')
