require "fileinto"; fileinto "once";
