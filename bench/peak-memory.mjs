// Loaded into a measured child: leaves the kernel's word on its peak memory (in kilobytes) in a file when it ends.
import { writeFileSync } from 'node:fs';

const file = process.env['IMAGE_FACTORY_PEAK_FILE'];
delete process.env['IMAGE_FACTORY_PEAK_FILE'];
if (file) process.on('exit', () => writeFileSync(file, String(process.resourceUsage().maxRSS)));
