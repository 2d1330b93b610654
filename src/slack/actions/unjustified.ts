import { click } from './click.ts'

export const id = 'unjustified'

export const unjustified = click('unjustified')
