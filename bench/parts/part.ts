/** What a child process of the benchmark is told at its start, says once it is there, and does when asked. */
export interface Shape {
  readonly given: unknown
  readonly facts: unknown
  readonly orders: Readonly<Record<string, (value: never) => unknown>>
}

export type FromPart =
  | { readonly ready: unknown }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string }

export interface ToPart {
  readonly id: number
  readonly order: string
  readonly value: unknown
}

const tell = (message: FromPart) => process.send?.(message)

async function obey(orders: Shape['orders'], { id, order, value }: ToPart): Promise<void> {
  try {
    const todo = orders[order]
    if (!todo) throw new Error(`there is no order ${order}`)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the parent orders by the part's own type.
    tell({ id, value: await todo(value as never) })
  } catch (error) {
    tell({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
}

interface Begun<P extends Shape> {
  readonly facts: P['facts']
  readonly orders: P['orders']
}

/** Begins with what the parent gave, tells it the facts, and does what it asks until it goes away. */
export async function serve<P extends Shape>(
  begin: (given: P['given']) => Begun<P> | Promise<Begun<P>>,
): Promise<void> {
  process.on('disconnect', () => process.exit(0))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the parent starts a part by its own type.
  const { facts, orders } = await begin(JSON.parse(process.argv[2] ?? 'null') as P['given'])
  process.on('message', (message: ToPart) => void obey(orders, message))
  tell({ ready: facts })
}
