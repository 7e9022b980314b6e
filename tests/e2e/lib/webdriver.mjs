// A browser over the W3C WebDriver protocol (https://www.w3.org/TR/webdriver2/): as much of it as the stories need.
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

export const KEYS = { shift: '\uE008', enter: '\uE007' };

/** What the browser says it cannot do; `code` is one of the protocol's own words. */
export class WebDriverError extends Error {
  constructor(command, { error, message }) {
    super(`${command}: ${error}: ${message}`);
    this.code = error;
  }
}

export class Session {
  /** At a driver that listens here. */
  static async begin(driverUrl, capabilities) {
    const { sessionId } = await ask(driverUrl, 'POST', '/session', { capabilities: { alwaysMatch: capabilities } });
    return new Session(driverUrl, `/session/${sessionId}`);
  }

  constructor(driverUrl, path) {
    this.driverUrl = driverUrl;
    this.path = path;
  }

  #get(path) {
    return ask(this.driverUrl, 'GET', this.path + path);
  }

  #post(path, body) {
    return ask(this.driverUrl, 'POST', this.path + path, body);
  }

  /** Closes the browser. */
  end() {
    return ask(this.driverUrl, 'DELETE', this.path);
  }

  resize(width, height) {
    return this.#post('/window/rect', { width, height });
  }

  goTo(url) {
    return this.#post('/url', { url });
  }

  /** Runs a function in the page and answers what it comes to. It knows its arguments alone; an element is a handle. */
  async run(func, ...args) {
    const script = `
      const [done] = [...arguments].slice(-1);
      Promise.resolve([...arguments].slice(0, -1)).then((given) => (${func})(...given)).then(
        (value) => done({ value }),
        (cause) => done({ failure: String(cause?.stack ?? cause) }),
      );`;
    const { value, failure } = await this.#post('/execute/async', { script, args });
    if (failure !== undefined) throw new Error(`in the page: ${failure}`);
    return value;
  }

  /** The handle of the first element, seen or not. */
  async element(selector) {
    return this.#post('/element', { using: 'css selector', value: selector });
  }

  async focused() {
    return this.#get('/element/active');
  }

  click(element) {
    return this.#post(`/element/${element[ELEMENT]}/click`, {});
  }

  /** Types at the element; into a file field, the path of a file. */
  type(element, text) {
    return this.#post(`/element/${element[ELEMENT]}/value`, { text });
  }

  /** What is on the screen, as PNG. */
  async screenshot() {
    return Buffer.from(await this.#get('/screenshot'), 'base64');
  }
}

async function ask(driverUrl, method, path, body) {
  const response = await fetch(driverUrl + path, { method, ...(body && { body: JSON.stringify(body) }) });
  const { value } = await response.json();
  if (!response.ok) throw new WebDriverError(`${method} ${path}`, value);
  return value;
}
