import ipaddr from 'ipaddr.js'
import { folded, globMatches } from './glob.ts'
import type { DurationMatch, Match, RequesterMatch, SourceMatch, TimeMatch, VmMatch } from './policy.ts'
import { covers as coversPorts } from './service.ts'

/**
 * Everything here may say no although the answer is yes, and never the other way round: who is told that a rule can
 * never apply takes it out of the file.
 */
type Covers<T> = (wide: T, narrow: T) => boolean

/** Whatever the narrow glob matches, the wide one does too. */
function globCovers(wide: string, narrow: string): boolean {
  if (folded(wide) === folded(narrow)) return true
  // Only a star can take up a star of the other glob; a question mark would take it for one letter.
  if (wide.includes('?') && narrow.includes('*')) return false
  return globMatches(wide, narrow)
}

/** A list that is absent asks nothing. */
const listCovers =
  <T>(covers: Covers<T>): Covers<readonly T[] | undefined> =>
  (wide, narrow) =>
    wide === undefined ||
    (narrow !== undefined && narrow.every((one) => wide.some((other) => covers(other, one))))

const globsCover = listCovers(globCovers)
const namesCover = listCovers<string>((wide, narrow) => wide === narrow)
const numbersCover = listCovers<number>((wide, narrow) => wide === narrow)

const tagsCover: Covers<VmMatch['tags']> = (wide = {}, narrow = {}) =>
  Object.entries(wide).every(([tag, globs]) =>
    Object.entries(narrow).some(
      ([other, inner]) => folded(other) === folded(tag) && globsCover(globs, inner),
    ),
  )

const vmCovers: Covers<VmMatch> = (wide, narrow) =>
  globsCover(wide.name, narrow.name) &&
  globsCover(wide.resourceGroup, narrow.resourceGroup) &&
  globsCover(wide.subscription, narrow.subscription) &&
  globsCover(wide.tenant, narrow.tenant) &&
  globsCover(wide.region, narrow.region) &&
  namesCover(wide.os, narrow.os) &&
  tagsCover(wide.tags, narrow.tags)

const isOpen = ({ users, groups, entraGroups }: RequesterMatch): boolean => !users && !groups && !entraGroups

/** Whoever is in one of the narrow lists is in one of the wide ones. */
const requesterCovers: Covers<RequesterMatch> = (wide, narrow) =>
  isOpen(wide) ||
  (!isOpen(narrow) &&
    namesCover(wide.users ?? [], narrow.users ?? []) &&
    namesCover(wide.groups ?? [], narrow.groups ?? []) &&
    namesCover(wide.entraGroups ?? [], narrow.entraGroups ?? []))

function rangeCovers(wide: string, narrow: string): boolean {
  if (!ipaddr.isValidCIDR(wide) || !ipaddr.isValidCIDR(narrow)) return false
  const [base, width] = ipaddr.parseCIDR(wide)
  const [address, bits] = ipaddr.parseCIDR(narrow)
  return base.kind() === address.kind() && bits >= width && address.match(base, width)
}

/** Of two lists nobody says whether one is in the other. */
const sourceCovers: Covers<SourceMatch> = (wide, narrow) =>
  wide.listed === undefined &&
  namesCover(wide.kind, narrow.kind) &&
  listCovers(rangeCovers)(wide.within, narrow.within)

/** Hours are compared only when they are the same, because a change of the clocks moves them. */
function timeCovers(wide: TimeMatch, narrow: TimeMatch): boolean {
  if (!wide.days && !wide.hours) return true
  const sameHours = wide.hours?.from === narrow.hours?.from && wide.hours?.to === narrow.hours?.to
  return wide.zone === narrow.zone && sameHours && numbersCover(wide.days, narrow.days)
}

const durationCovers: Covers<DurationMatch> = (wide, narrow) =>
  (wide.atLeastMs ?? 0) <= (narrow.atLeastMs ?? 0) &&
  (wide.atMostMs ?? Number.POSITIVE_INFINITY) >= (narrow.atMostMs ?? Number.POSITIVE_INFINITY)

const optional =
  <T>(covers: Covers<T>): Covers<T | undefined> =>
  (wide, narrow) =>
    wide === undefined || (narrow !== undefined && covers(wide, narrow))

type Not = NonNullable<Match['not']>

/** What is excluded turns round: the wide rule may exclude only what the narrow one excludes too. */
const excludesNoMore = (wide: Not = {}, narrow: Not = {}): boolean =>
  excludedVmCovers(narrow.vm, wide.vm) &&
  excludedRequesterCovers(narrow.requester, wide.requester) &&
  excludedSourceCovers(narrow.source, wide.source) &&
  (wide.time === undefined || (narrow.time !== undefined && timeCovers(narrow.time, wide.time)))

/** Each part that is excluded is a check of its own, so each part of the wide rule needs its own in the narrow one. */
const part = <T>(given: T | undefined, need: T | undefined, covers: Covers<T>): boolean =>
  need === undefined || (given !== undefined && covers(given, need))

const excludedVmCovers = (given: VmMatch = {}, need: VmMatch = {}): boolean =>
  part(given.name, need.name, globsCover) &&
  part(given.resourceGroup, need.resourceGroup, globsCover) &&
  part(given.subscription, need.subscription, globsCover) &&
  part(given.tenant, need.tenant, globsCover) &&
  part(given.region, need.region, globsCover) &&
  part(given.os, need.os, namesCover) &&
  Object.entries(need.tags ?? {}).every(([tag, globs]) =>
    Object.entries(given.tags ?? {}).some(
      ([other, outer]) => folded(other) === folded(tag) && globsCover(outer, globs),
    ),
  )

const excludedRequesterCovers = (given: RequesterMatch = {}, need: RequesterMatch = {}): boolean =>
  isOpen(need) ||
  (namesCover(given.users ?? [], need.users ?? []) &&
    namesCover(given.groups ?? [], need.groups ?? []) &&
    part(given.entraGroups, need.entraGroups, namesCover))

const excludedSourceCovers = (given: SourceMatch = {}, need: SourceMatch = {}): boolean =>
  part(given.kind, need.kind, namesCover) && part(given.within, need.within, listCovers(rangeCovers))

/** Whether whatever fits the narrow match surely fits the wide one too. */
export const matchCovers: Covers<Match> = (wide, narrow) =>
  vmCovers(wide.vm, narrow.vm) &&
  requesterCovers(wide.requester, narrow.requester) &&
  (wide.ports === undefined || (narrow.ports !== undefined && coversPorts(wide.ports, narrow.ports))) &&
  optional(sourceCovers)(wide.source, narrow.source) &&
  optional(timeCovers)(wide.time, narrow.time) &&
  optional(durationCovers)(wide.duration, narrow.duration) &&
  excludesNoMore(wide.not, narrow.not)

/** A match that asks nothing. */
export const anything: Match = { vm: {}, requester: {} }
