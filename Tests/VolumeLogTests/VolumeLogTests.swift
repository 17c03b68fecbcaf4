// VolumeLog
