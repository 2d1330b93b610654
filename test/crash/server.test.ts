import { type Plan, rehearse } from './deaths.ts'
import { isEffect, playAll } from './matrix.ts'

/**
 * Every marker: the effects on both sides, the others on the side that alternates with the embedded database.
 * `full.ts` plays the rest.
 */
function part({ living, starting }: Plan): Plan {
  const markers = [...new Set(living.map(({ marker }) => marker))]
  return {
    living: living.filter((point) => {
      const side = markers.indexOf(point.marker) % 2 === 0 ? 'before' : 'after'
      return isEffect(point) || point.side === side
    }),
    starting: starting.filter((_, at) => at % 2 === 0),
  }
}

playAll('server', part(await rehearse('server')))
