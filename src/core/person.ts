/** A Slack user. Identity comes from a verified payload, never from a name or an e-mail. */
export interface Person {
  readonly enterpriseId: string | null
  readonly teamId: string
  readonly userId: string
}

/**
 * Slack user ids are unique across a grid, while the team id of one person differs between payloads there.
 * Comparing the user id alone errs on the side of "the same person", which is what self-approval needs.
 */
export const samePerson = (a: Person, b: Person): boolean => a.userId === b.userId

/** What the directory says about a person at this moment; `known: false` means that it could not say. */
export interface Member {
  readonly person: Person
  readonly known: boolean
  readonly deleted: boolean
  readonly bot: boolean
  readonly guest: boolean
  /** From another organisation, or from a team that the app is not installed in. */
  readonly foreign: boolean
  /** An IANA zone such as `Europe/Berlin`, or null when Slack gave none. */
  readonly timeZone: string | null
  /** The object id in Entra, where this person is mapped to one. */
  readonly entraId: string | null
  /** Entra did not say who this person is there, or, where `entraId` is known, whether they are still active. */
  readonly entraUnread?: true
  /** The Entra user that they are mapped to is disabled, or deleted. */
  readonly entraDisabled?: true
  /** An operator has stopped them, so they say yes to nothing. */
  readonly stopped?: true
  /** The Entra groups, among those that the policy names, that this person is in; null when that is not known. */
  readonly entraGroups: readonly string[] | null
  /** The Slack user groups, among those that the policy names, that this person is in. */
  readonly groups: readonly string[]
  /** Those of them that Slack does not show, so that nobody knows whether this person is in them. */
  readonly unknownGroups?: readonly string[]
  /** The Entra groups, among those that the policy names, that Entra does not know, and this person may have been in. */
  readonly unknownEntraGroups?: readonly string[]
}
