require "enotify";
notify "mailto:a@b.example";
notify "mailto:c@b.example";
