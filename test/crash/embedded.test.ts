import { type Plan, rehearse } from './deaths.ts'
import { isEffect, playAll } from './matrix.ts'

/**
 * A part of the matrix, because a start of this database takes a second: each effect on one of its sides, every
 * fourth other marker, every sixth point of a start. `full.ts` plays the rest.
 */
function part({ living, starting }: Plan): Plan {
  const markers = [...new Set(living.map(({ marker }) => marker))]
  return {
    living: living.filter((point) => {
      const at = markers.indexOf(point.marker)
      const side = at % 2 === 0 ? 'after' : 'before'
      return point.side === side && (isEffect(point) || at % 4 === 0)
    }),
    starting: starting.filter((_, at) => at % 6 === 1),
  }
}

playAll('embedded', part(await rehearse('embedded')))
