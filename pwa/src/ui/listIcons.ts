/** The icons of what a long list is searched and filtered with; from Lucide, as those of `icons.ts`. */
export const iconSearch = '<path d="m21 21-4.34-4.34"/><circle cx="11" cy="11" r="8"/>';
export const iconListFilter = '<path d="M2 5h20"/><path d="M6 12h12"/><path d="M9 19h6"/>';
