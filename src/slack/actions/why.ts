import { click } from './click.ts'

export const id = 'why'

export const why = click('why')
