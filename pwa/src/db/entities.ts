/** Rows that the server sent, read back by face and kind. They were checked as they came in (`sync/wire.ts`). */
import type { Entity, EntityData } from '../api/types';
import { inStore } from './open';
import type { SyncFace } from './schema';

export async function readEntity<E extends Entity>(
  face: SyncFace,
  entity: E,
  id: string,
): Promise<EntityData[E] | undefined> {
  const row = await inStore((db) => db.get('entities', [face, entity, id]));
  return row?.data as EntityData[E] | undefined;
}

export async function readEntities<E extends Entity>(face: SyncFace, entity: E): Promise<EntityData[E][]> {
  const rows = await inStore((db) => db.getAllFromIndex('entities', 'kind', [face, entity]));
  return rows.map((row) => row.data as EntityData[E]);
}

export async function saveEntity<E extends Entity>(
  face: SyncFace,
  entity: E,
  id: string,
  data: EntityData[E],
): Promise<void> {
  await inStore((db) => db.put('entities', { face, entity, id, data }));
}
