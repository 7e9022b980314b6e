/** The id of a row of the list, by which it is found when the person beside it is closed. */
export const rowId = (memberId: string) => `row-${memberId}`;
