import { click } from './click.ts'

export const id = 'approve'

export const approve = click('approve')
