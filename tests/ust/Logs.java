/* SPDX-License-Identifier: MIT */
/* Logs.java: says something through java.util.logging and Log4j, so many times as it is told. */
public class Logs {
	public static void main(String[] args) throws Exception {
		java.util.logging.Logger jul = java.util.logging.Logger.getLogger("strata.jul");
		java.util.logging.Handler handler = new org.lttng.ust.agent.jul.LttngLogHandler();
		org.apache.log4j.Logger log4j = org.apache.log4j.Logger.getLogger("strata.log4j");
		org.apache.log4j.Appender appender = new org.lttng.ust.agent.log4j.LttngLogAppender();

		jul.setUseParentHandlers(false);
		jul.addHandler(handler);
		log4j.addAppender(appender);
		for (int i = 0; i < Integer.parseInt(args[0]); i++) {
			jul.info("request " + i + " of jul");
			log4j.warn("warning " + i + " of log4j");
		}
		jul.removeHandler(handler);
		handler.close();
		log4j.removeAppender(appender);
		appender.close();
	}
}
