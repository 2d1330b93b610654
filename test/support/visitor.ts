/** One without a value is left out. */
type Headers = Readonly<Record<string, string | undefined>>
type Sent = Omit<RequestInit, 'headers'> & { readonly headers?: Headers }

/** A browser without a window: it keeps cookies for each origin, and sends what browsers send with a form. */
export class Visitor {
  readonly #jars = new Map<string, Map<string, string>>()
  readonly #headers: Record<string, string>

  constructor(headers: Record<string, string> = {}) {
    this.#headers = headers
  }

  jar(url: string): Map<string, string> {
    const { origin } = new URL(url)
    const jar = this.#jars.get(origin) ?? new Map<string, string>()
    this.#jars.set(origin, jar)
    return jar
  }

  /** One request, without following where it leads. */
  async send(url: string, init: Sent = {}): Promise<Response> {
    const jar = this.jar(url)
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { ...this.#headers, ...(cookie && { cookie }), ...init.headers }
    const given = Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    )
    const response = await fetch(url, { redirect: 'manual', ...init, headers: Object.fromEntries(given) })
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
      const [name = '', ...value] = pair.split('=')
      const isOver = attributes.some((each) => /^max-age=0$|^expires=Thu, 01 Jan 1970/i.test(each))
      if (isOver) jar.delete(name)
      else jar.set(name, value.join('='))
    }
    return response
  }

  /** Follows every redirect; answers the last answer, where it was found, and its text. */
  async goes(url: string, method = 'GET'): Promise<{ response: Response; url: string; text: string }> {
    let at = url
    for (let hops = 0; hops < 12; hops++) {
      const response = await this.send(at, { method })
      const to = response.headers.get('location')
      if (to === null) return { response, url: at, text: await response.text() }
      at = new URL(to, at).href
    }
    throw new Error(`${url} leads in circles`)
  }

  /** Sends the form as the page that holds it does. */
  async presses(url: string, fields: Record<string, string>, headers: Headers = {}): Promise<Response> {
    return this.send(url, {
      method: 'POST',
      body: new URLSearchParams(fields).toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: 'null',
        'sec-fetch-site': 'same-origin',
        ...headers,
      },
    })
  }
}
