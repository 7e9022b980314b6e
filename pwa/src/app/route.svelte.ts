/** Path routing on the History API: which path is shown, and going elsewhere without a reload. */

let path = $state(location.pathname);
let search = $state(location.search);

export const route = {
  get path(): string {
    return path;
  },
  /** The query, with its question mark; empty when there is none. */
  get search(): string {
    return search;
  },
};

function follow(): void {
  path = location.pathname;
  search = location.search;
}

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  if (options.replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  follow();
  scrollTo(0, 0);
}

addEventListener('popstate', follow);

/** Plain links inside the app stay plain links; this only spares them the reload. */
document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link || link.target || link.hasAttribute('download')) return;
  if (link.origin !== location.origin || link.hash !== '') return;
  event.preventDefault();
  if (link.pathname + link.search !== location.pathname + location.search) navigate(link.href);
});
