/** Cameras: opening one, listing them, and the message shown if none can be opened. */

/** Open the camera that the visitor chose, or any. */
export async function openCamera(deviceId = ''): Promise<MediaStream> {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error('The camera works only on pages from https:// or from this computer.');
  }
  const chosen = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: 'user' };
  const video = { ...chosen, width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio: false });
  } catch (error) {
    throw new Error(messageOf(error));
  }
}

export async function listCameras(): Promise<MediaDeviceInfo[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === 'videoinput');
}

export function close(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function messageOf(error: unknown): string {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'NotAllowedError') {
    return 'The camera was refused. Allow it for this page in the browser’s address bar, then try again.';
  }
  if (name === 'NotFoundError' || name === 'OverconstrainedError') {
    return 'No camera was found. Plug one in, or choose images or a video.';
  }
  if (name === 'NotReadableError') return 'The camera is in use by another program. Close it there, then try again.';
  return `The camera could not be opened: ${error instanceof Error ? error.message : String(error)}`;
}
