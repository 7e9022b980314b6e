/** By which a row of the list is found when the person beside it is closed. */
export const rowId = (memberId: string) => `row-${memberId}`;
