// What runs in a page of the app, whichever browser it is in: nothing here may use anything from outside itself.

/** The app's files are kept on this device and its worker answers for them. */
export async function isInstalled() {
  await navigator.serviceWorker.ready;
  if (navigator.serviceWorker.controller) return;
  await new Promise((done) => navigator.serviceWorker.addEventListener('controllerchange', done, { once: true }));
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
