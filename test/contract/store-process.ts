import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** Another process of the product, which can be killed at any moment. */
export interface Child {
  /** What it has said so far. */
  readonly lines: readonly string[]
  /** Resolves with the first line, said or still to come, that begins so. */
  says(beginning: string): Promise<string>
  /** Resolves once it has said this many lines. */
  hasSaid(count: number): Promise<void>
  kill(): Promise<void>
}

export function startChild(role: 'write' | 'claim' | 'hold', where: string, prefix = ''): Child {
  const script = join(import.meta.dirname, 'store-child.ts')
  const child: ChildProcess = spawn(process.execPath, [script, role, where, prefix], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const waiting = new Set<() => void>()
  let errors = ''
  let ended = false
  const look = () => {
    for (const check of waiting) check()
  }
  child.stderr?.on('data', (text) => {
    errors += String(text)
  })
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line)
      look()
    })
  }
  const exited = once(child, 'close').then(() => {
    ended = true
    look()
  })
  const until = <T>(find: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const check = () => {
        const found = find()
        if (found === undefined && !ended) return
        waiting.delete(check)
        if (found === undefined) reject(new Error(`the process ended: ${errors}`))
        else resolve(found)
      }
      waiting.add(check)
      check()
    })
  return {
    lines,
    says: (beginning) => until(() => lines.find((line) => line.startsWith(beginning))),
    hasSaid: async (count) => {
      await until(() => (lines.length >= count ? true : undefined))
    },
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}
