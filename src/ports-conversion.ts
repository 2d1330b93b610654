import type { AskedConversion, Asking } from './core/conversion.ts'
import type { Conversion, RuleChange } from './core/convert.ts'
import type { Pages } from './core/policy.ts'
import type { Place, Written } from './ports.ts'

/** What a transaction does with conversions. */
export interface ConversionTx {
  /** One conversion, kept from everybody else until this transaction is over. */
  conversion(id: string): Promise<AskedConversion | null>
  /** False when another one of its VM is not over. */
  putConversion(conversion: AskedConversion): Promise<boolean>
  saveConversion(conversion: AskedConversion): Promise<void>
}

export interface ConversionChat {
  /** Which rules would have to change so that nothing stands open on a VM: a private answer, or a message. */
  conversion(
    to: { readonly userId: string; readonly responseUrl: string | null },
    conversion: Conversion,
    asking: Asking | null,
  ): Promise<void>
  /** Posts it where operators decide, or edits it where it stands. */
  conversionCard(pages: Pages, conversion: AskedConversion, at: Place | null): Promise<Place>
  /** Tells whoever asked what became of it. */
  conversionNews(conversion: AskedConversion): Promise<void>
}

/** Changes of rules of somebody else's. Only for what two operators agreed to. Never throws for what Azure answers. */
export interface Changer {
  /**
   * Makes the one change, if the rule is still exactly the one that was shown, and reads it back: `present` when
   * Azure shows the rule as it was to be, `absent` when it shows that it is gone. When an earlier try of it
   * was `taken`, nothing is sent any more: what stands there is read.
   */
  changeOther(change: RuleChange, signal: AbortSignal, taken?: boolean): Promise<Written>
}
