#!/usr/bin/env node
import { endQuietlyWhenClosed } from './closed-output.ts';
import { processIo } from './io.ts';
import { runCommandLine } from './command-line.ts';

endQuietlyWhenClosed([process.stdout, process.stderr]);
process.exitCode = await runCommandLine(process.argv.slice(2), processIo());
