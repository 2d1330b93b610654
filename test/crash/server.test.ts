import { type Plan, rehearse } from './deaths.ts'
import { isEffect, playAll } from './matrix.ts'

/**
 * The effects on both sides, and every other marker that the embedded database leaves out, on alternating sides,
 * and every third point of a start. `full.ts` plays the rest.
 */
function part({ living, starting }: Plan): Plan {
  const markers = [...new Set(living.map(({ marker }) => marker))]
  return {
    living: living.filter((point) => {
      const at = markers.indexOf(point.marker)
      const side = at % 2 === 0 ? 'before' : 'after'
      return isEffect(point) || (point.side === side && at % 4 !== 0)
    }),
    starting: starting.filter((_, at) => at % 3 === 0),
  }
}

playAll('server', part(await rehearse('server')))
