/** Rows that the server sent, read back by face and kind. */
import { inStore } from './open';
import type { SyncFace } from './schema';

export async function readEntity<T>(face: SyncFace, entity: string, id: string): Promise<T | undefined> {
  const row = await inStore((db) => db.get('entities', [face, entity, id]));
  return row?.data as T | undefined;
}

export async function readEntities<T>(face: SyncFace, entity: string): Promise<T[]> {
  const rows = await inStore((db) => db.getAllFromIndex('entities', 'kind', [face, entity]));
  return rows.map((row) => row.data as T);
}

export async function saveEntity(face: SyncFace, entity: string, id: string, data: unknown): Promise<void> {
  await inStore((db) => db.put('entities', { face, entity, id, data }));
}
