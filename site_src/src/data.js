// The data of the explorer: catalog.json, and Parquet files that are fetched when they are first needed.
import { decompress } from "fzstd";
import { parquetReadObjects } from "hyparquet";

const KEPT = 24; // files held in memory; the one that was not used for longest makes room
const files = new Map();

async function fetched(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} could not be loaded (${response.status})`);
  return response;
}

export async function catalog() {
  return (await fetched("data/catalog.json")).json();
}

export function table(path) {
  const found = files.get(path) ?? read(path);
  files.delete(path);
  files.set(path, found);
  if (files.size > KEPT) files.delete(files.keys().next().value);
  return found;
}

async function read(path) {
  try {
    const file = await (await fetched(path)).arrayBuffer();
    return await parquetReadObjects({ file, compressors: { ZSTD: (bytes) => decompress(bytes) } });
  } catch (error) {
    files.delete(path); // so that a lost connection does not stay lost
    throw error;
  }
}

function folder(study, run) {
  return `data/${encodeURIComponent(study.name)}/${encodeURIComponent(`${run.row}@${run.seed}`)}`;
}

export function questionsOf(study, run) {
  return table(`data/${encodeURIComponent(study.name)}/questions-${run.questions}.parquet`);
}

export function linesOf(study, run) {
  return table(`${folder(study, run)}/lines.parquet`);
}

export async function textsOf(study, run, line, block) {
  const texts = await table(`${folder(study, run)}/texts-${Math.floor(line / block)}.parquet`);
  const found = texts[line % block];
  return { stages: JSON.parse(found.stages), wrong: JSON.parse(found.wrong), rounds: JSON.parse(found.rounds) };
}
