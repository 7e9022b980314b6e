// Whoever has a session with the server.
import assert from 'node:assert/strict';

export const nowSeconds = () => Math.floor(Date.now() / 1000);

/** A browser: it keeps its cookies, and answers with status and body. */
export class Browser {
  #cookies = new Map();

  constructor(url) {
    this.url = url;
  }

  async ask(method, path, body, headers = {}) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(this.url + path, {
      method,
      headers: { cookie, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      this.#cookies.set(name, value);
    }
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  }

  async good(method, path, body, headers) {
    const answer = await this.ask(method, path, body, headers);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
}
