/**
 * Path routing on the History API: which path is shown, going elsewhere without a reload, and the way back from what lies
 * over a page.
 */

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

const openLayers = new Set<string>();

/** The layer that the history's present entry stands for. */
function layerHere(): string | undefined {
  return (history.state as { layer?: string } | null)?.layer;
}

function follow(): void {
  const layer = layerHere();
  // One that was closed otherwise, and lay below another: nobody wants to go there.
  if (layer !== undefined && !openLayers.has(layer)) history.back();
  path = location.pathname;
  search = location.search;
}

/**
 * Something lies over the page: the way back closes it, and stays on the page. Answers what must be called once it is closed,
 * however that came.
 */
export function openLayer(close: () => void): () => void {
  const layer = crypto.randomUUID();
  const below = layerHere();
  if (below !== undefined && !openLayers.has(below)) history.replaceState({ layer }, '');
  else history.pushState({ layer }, '');
  openLayers.add(layer);
  const look = () => {
    if (layerHere() !== layer && !isBelow(layer)) close();
  };
  addEventListener('popstate', look);
  return () => {
    removeEventListener('popstate', look);
    openLayers.delete(layer);
    // What opens in the same moment takes its entry, and so does a page that is gone to.
    setTimeout(() => {
      if (layerHere() === layer) history.back();
    });
  };
}

/** Whether another layer lies over this one: they are opened one after the other. */
function isBelow(layer: string): boolean {
  const here = layerHere();
  const order = [...openLayers];
  return here !== undefined && order.indexOf(here) > order.indexOf(layer);
}

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  if (options.replace || layerHere() !== undefined) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  follow();
  scrollTo(0, 0);
}

addEventListener('popstate', follow);
// The page was loaded anew while something lay over it: its entry would make the first way back lead nowhere.
if (layerHere() !== undefined) history.back();

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
