import { API_ROOT } from '../../api/paths.ts';
import { listOf } from '../../api/schemas/answers.ts';
import {
  collectGarbageBodySchema,
  storeFindingSchema,
  storeParamsSchema,
  storeSchema,
  storeStatusSchema,
} from '../../api/schemas/stores.ts';
import type { ErrorCode } from '../../model/errors.ts';
import type { ApiApp } from '../api-app.ts';

const STORES = `${API_ROOT}/stores`;
const STORE = `${STORES}/:store`;
const UNUSABLE: readonly ErrorCode[] = ['STORE_UNUSABLE'];
const NAMED: readonly ErrorCode[] = ['STORE_NOT_FOUND', ...UNUSABLE];
const needs = 'admin';

/** The stores that the configuration of the host names, and its image services. */
export function addStoreRoutes(app: ApiApp): void {
  app.get(
    STORES,
    {
      schema: { response: { 200: listOf(storeSchema) } },
      config: { needs, summary: 'Stores of this host, its own first, and image services' },
    },
    ({ application }) => application.stores.list(),
  );
  addStatusRoutes(app);
  addCheckRoutes(app);
  addGarbageRoutes(app);
}

function addStatusRoutes(app: ApiApp): void {
  const response = { 200: listOf(storeStatusSchema) };
  const summary = 'What is in a store, and whether it can be reached';

  app.get(
    `${STORES}/status`,
    { schema: { response }, config: { needs, summary: 'What is in each store, and whether it can be reached' } },
    ({ application }) => application.stores.status(),
  );

  app.get(
    `${STORE}/status`,
    { schema: { params: storeParamsSchema, response }, config: { needs, summary, errors: ['STORE_NOT_FOUND'] } },
    ({ application, params }) => application.stores.status(params.store),
  );
}

function addCheckRoutes(app: ApiApp): void {
  const response = { 200: listOf(storeFindingSchema) };

  app.get(
    `${STORES}/check`,
    {
      schema: { response },
      config: { needs, summary: "What is wrong in the host's own store; contents are not read", errors: UNUSABLE },
    },
    ({ application }) => application.stores.check(),
  );

  app.get(
    `${STORE}/check`,
    {
      schema: { params: storeParamsSchema, response },
      config: { needs, summary: 'What is wrong in a store; contents are not read', errors: NAMED },
    },
    ({ application, params }) => application.stores.check(params.store),
  );
}

function addGarbageRoutes(app: ApiApp): void {
  const body = collectGarbageBodySchema;
  const response = { 200: listOf(storeFindingSchema) };
  const errors: readonly ErrorCode[] = ['STORE_WRITE_FAILED'];

  app.post(
    `${STORES}/gc`,
    {
      schema: { body, response },
      config: {
        needs,
        summary: "Removes what nobody can want from the host's own store",
        errors: [...UNUSABLE, ...errors],
      },
    },
    ({ application, body: options }) => application.stores.collectGarbage({ store: null, ...toRequest(options) }),
  );

  app.post(
    `${STORE}/gc`,
    {
      schema: { params: storeParamsSchema, body, response },
      config: { needs, summary: 'Removes what nobody can want from a store', errors: [...NAMED, ...errors] },
    },
    ({ application, params, body: options }) =>
      application.stores.collectGarbage({ store: params.store, ...toRequest(options) }),
  );
}

function toRequest(body: { readonly olderThanSeconds: number; readonly isDryRun: boolean }) {
  return { olderThanMs: body.olderThanSeconds * 1000, isDryRun: body.isDryRun };
}
