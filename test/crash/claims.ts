/** What a text in Slack says about Azure, and which note it is when it is one. */
export interface Said {
  readonly claim: 'open' | 'was open' | 'closed' | 'never written' | null
  readonly note: 'opened' | 'ending' | 'closed' | null
}

const table: readonly (Said & { readonly says: RegExp })[] = [
  { says: /^\*Open until/, claim: 'open', note: 'opened' },
  { says: /^Opened /, claim: 'was open', note: 'opened' },
  { says: /^Open: /, claim: 'open', note: null },
  { says: /\*open, confirmed by Azure\*/, claim: 'was open', note: null },
  { says: / left:\*/, claim: 'open', note: 'ending' },
  { says: /^\*(Closed|Ended without opening):\*/, claim: null, note: 'closed' },
  { says: /that no network rule of this request is left/, claim: 'closed', note: null },
  { says: /\*closed\*/, claim: 'closed', note: null },
  { says: /No network rule was written for it/, claim: 'never written', note: null },
]

export const claimsOf = (text: string): readonly Said[] => table.filter(({ says }) => says.test(text))
