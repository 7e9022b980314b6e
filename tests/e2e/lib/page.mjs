// What runs in a page of the app, whichever browser it is in: nothing here may use anything from outside itself.

/** The app's files are kept on this device and its worker answers for them. */
export async function isInstalled() {
  await navigator.serviceWorker.ready;
  if (navigator.serviceWorker.controller) return;
  await new Promise((done) => navigator.serviceWorker.addEventListener('controllerchange', done, { once: true }));
}

/**
 * The words that reach beyond the window's side while letters are of double size, as a person asks the browser for them. What a
 * box shortens by itself has its dots; what is for readers of the screen alone is seen nowhere.
 */
export async function wordsBeyond() {
  const root = document.documentElement;
  root.style.fontSize = '32px';
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const isShortened = (element) => {
    for (let one = element; one; one = one.parentElement)
      if (getComputedStyle(one).textOverflow === 'ellipsis') return true;
    return false;
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const range = document.createRange();
    range.selectNodeContents(texts.currentNode);
    const { left, right, width } = range.getBoundingClientRect();
    if (element.closest('.sr-only')) continue;
    if (width === 0 || (left >= -1 && right <= root.clientWidth + 1)) continue;
    if (element.checkVisibility({ visibilityProperty: true }) && !isShortened(element))
      found.push(`${texts.currentNode.data.trim()}: ${Math.round(left)} to ${Math.round(right)}`);
  }
  root.style.fontSize = '';
  return found;
}

/** All rows of a store of the app's database; of a private key, whether it can be read out. */
export async function storedRows(store) {
  const settle = (request) =>
    new Promise((done, failed) => {
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error);
    });
  const db = await settle(indexedDB.open('profcards'));
  const rows = await settle(db.transaction(store).objectStore(store).getAll());
  db.close();
  return rows.map((row) => ({ ...row, isExtractable: row.privateKey?.extractable, privateKey: undefined }));
}
