// SPDX-License-Identifier: GPL-2.0-only
// Workers, memory that they share, files by the pool of threads, children, a server.
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const { execFile } = require('child_process');
const fs = require('fs').promises;
const http = require('http');
const os = require('os');
const path = require('path');

if (!isMainThread) {
	const cell = new Int32Array(workerData.memory);
	for (let i = 0; i < 500; i++)
		Atomics.add(cell, 0, workerData.step);
	Atomics.wait(cell, 1, 0);
	parentPort.postMessage(workerData.step * 500);
	return;
}

async function workers() {
	const memory = new SharedArrayBuffer(8);
	const cell = new Int32Array(memory);
	const all = [1, 2, 3, 4].map(step => new Promise((good, bad) => {
		const w = new Worker(__filename, { workerData: { memory, step } });
		w.once('message', good);
		w.once('error', bad);
	}));
	while (Atomics.load(cell, 0) < 5000)
		await new Promise(good => setTimeout(good, 5));
	Atomics.store(cell, 1, 1);
	Atomics.notify(cell, 1);
	console.log('workers', await Promise.all(all), Atomics.load(cell, 0));
}

async function files() {
	const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'workers'));
	const names = [...Array(20).keys()].map(n => path.join(dir, `${n}`));
	await Promise.all(names.map(name => fs.writeFile(name, path.basename(name))));
	const texts = await Promise.all(names.map(name => fs.readFile(name, 'utf8')));
	await fs.rm(dir, { recursive: true });
	console.log('files', texts.join(','));
}

async function children() {
	const run = n => new Promise(good => execFile('sh', ['-c', `echo child ${n}; exit ${n}`],
		(error, out) => good(`${out.trim()} ${error ? error.code : 0}`)));
	console.log('children', await Promise.all([0, 1, 2].map(run)));
}

async function server() {
	const s = http.createServer((request, reply) => reply.end(request.url.toUpperCase()));
	await new Promise(good => s.listen(0, '127.0.0.1', good));
	const get = n => new Promise(good => http.get({ port: s.address().port, path: `/page${n}` },
		reply => reply.setEncoding('utf8').on('data', good)));
	console.log('server', await Promise.all([1, 2, 3, 4].map(get)));
	s.close();
}

(async () => {
	await workers();
	await files();
	await children();
	await server();
})();
