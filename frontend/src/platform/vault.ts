/**
 * A small encrypted store in the browser. The key is made there, cannot be exported, and is of use to
 * this origin alone; what is stored can be read on this device by this page only.
 *
 * Where the browser has no such store (plain HTTP from another machine, private windows of some
 * browsers) nothing is kept, and nobody is bothered with that.
 */

const DATABASE = "covenant";
const STORE = "vault";
const KEY = "key";

interface Sealed {
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly data: ArrayBuffer;
}

/** What was stored under a name; undefined where there is nothing, or nothing that can be read. */
export async function readVault(name: string): Promise<unknown> {
  try {
    const database = await open();
    const key = await get<CryptoKey>(database, KEY);
    const sealed = await get<Sealed>(database, name);
    if (key === undefined || sealed === undefined) return undefined;
    const data = await crypto.subtle.decrypt({ name: "AES-GCM", iv: sealed.iv }, key, sealed.data);
    return JSON.parse(new TextDecoder().decode(data));
  } catch {
    return undefined;
  }
}

/** Store a value under a name; true when it worked. */
export async function writeVault(name: string, value: unknown): Promise<boolean> {
  try {
    const database = await open();
    const key = (await get<CryptoKey>(database, KEY)) ?? (await makeKey(database));
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const text = new TextEncoder().encode(JSON.stringify(value));
    const data = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, text);
    await put(database, name, { iv, data } satisfies Sealed);
    return true;
  } catch {
    return false;
  }
}

async function makeKey(database: IDBDatabase): Promise<CryptoKey> {
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
    "encrypt",
    "decrypt",
  ]);
  await put(database, KEY, key);
  return key;
}

let opened: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

function get<T>(database: IDBDatabase, name: string): Promise<T | undefined> {
  return done(database.transaction(STORE).objectStore(STORE).get(name));
}

function put(database: IDBDatabase, name: string, value: unknown): Promise<IDBValidKey> {
  return done(database.transaction(STORE, "readwrite").objectStore(STORE).put(value, name));
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
